"""What the doctor looks at, one module a subject. Each check is a plain function of what it looks at."""
