"""What every module's MCP server is made with: descriptions in YAML, calls, the server, and its routes."""
