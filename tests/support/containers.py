"""The service's containers on the engine."""

import docker


def our_containers(client: docker.APIClient) -> dict[str, str]:
    return {
        container["Id"]: container["Status"]
        for container in client.containers(all=True, filters={"label": "bitrun.role"})
    }
