import sys

print("Größe 日本")
print(sys.stdin.readline(), end="")
