"""The rules of `deploy-config`, one module a topic: each takes facts of the deployment and gives findings."""
