"""Errors that v1 answers with other statuses than the error table."""

from bitrun.api.http.errors import ErrorRow
from bitrun.model.errors import TokenRequired

# The original service knows no 401.
ERRORS = (ErrorRow(TokenRequired, 400, "token_required", "Api token is invalid"),)
