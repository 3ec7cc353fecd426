"""HTTP: requests become jobs, results become replies.

One folder a dialect; `http` holds what they share. May not import Docker, and reaches `sandbox` and
`engine` only through `execution`.
"""
