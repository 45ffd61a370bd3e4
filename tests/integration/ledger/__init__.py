"""What both ledgers must do, told by tests."""
