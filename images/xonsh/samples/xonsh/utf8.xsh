echo "Größe 日本"
print(input())
