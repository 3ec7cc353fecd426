"""Tools for AI agents: a server of the Model Context Protocol, built with its official SDK.

Both transports have the same tools: `bitrun mcp`, which uses stdin and stdout and is a client of
the HTTP API, and `/mcp` of the service itself.
"""
