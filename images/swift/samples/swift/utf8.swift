print("Größe 日本")
print(readLine()!)
