"""The OpenAPI document, and the page that is rendered from it."""
