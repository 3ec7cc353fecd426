"""A Swarm of three machines on one, for tests of what `deploy/swarm` promises.

A machine is a set of namespaces with its own Docker engine (`machine`); they are connected by a
bridge whose ports can be cut (`network`). All of it is inside namespaces of the tool's own, so that
it ends with the tool, however that ends. `images` makes what the stack runs, `deployment` deploys
it by the commands of docs/swarm.md, `load` asks it, `scenarios` breaks it, `monitoring` asks its
Prometheus, and `page` writes docs/cluster.md. Without any of this, `simulation` compares policies
of a balancer, and `costs` measures HAProxy and Redis.
"""
