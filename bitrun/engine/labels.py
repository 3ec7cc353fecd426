"""Labels of our containers, networks and volumes."""

ROLE = "bitrun.role"  # its purpose: `box`, `build`, `egress` or `network`
INSTANCE = "bitrun.instance"  # the service process that owns it
REQUEST = "bitrun.request"  # id of the request that it was created for, if any
