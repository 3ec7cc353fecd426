"""Labels of our containers and networks."""

ROLE = "bitrun.role"  # its purpose: `box`, `build` or `network`
INSTANCE = "bitrun.instance"  # the service process that owns it
REQUEST = "bitrun.request"  # id of the request that it was created for, if any
