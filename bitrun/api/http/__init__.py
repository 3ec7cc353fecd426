"""Parts that the dialects share: authentication, error table, JSON, WebSocket, request log."""
