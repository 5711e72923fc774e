"""Tools: what an assistant can do, one function a file. `call` has the session; docs/mcp.md shows how to add one."""
