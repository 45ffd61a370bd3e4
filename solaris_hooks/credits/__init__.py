"""How credits come to an account: packages, requests, compensation."""
