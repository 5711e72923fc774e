"""Resources: what an assistant can read, one function a file."""
