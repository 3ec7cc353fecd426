"""BitRun for AI agents: a server of the Model Context Protocol, made with its official SDK.

The tools are the same over both ways: `bitrun mcp`, which speaks over stdin and stdout and is a
client of the HTTP API, and `/mcp` of the service itself.
"""
