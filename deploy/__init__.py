"""Running Solaris Hooks: on one machine (`deploy.local`), and for tests and demonstrations."""
