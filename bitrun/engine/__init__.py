"""The one seam to docker-py: plain data out, exceptions of `bitrun.model.errors`.

`Engine` is its facade; tests replace it by a fake. May import `access` and what is below it, and is
the only room that imports docker and requests.
"""
