"""Something that writes anything but frames."""

print("Segmentation fault (core dumped)" * 1000, flush=True)
input()
