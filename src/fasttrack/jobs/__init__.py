"""The recipes behind the commands: each a function that joins packages."""
