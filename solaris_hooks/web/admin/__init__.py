"""The admin interface: pages rendered here, that work without scripts and are livelier with them."""
