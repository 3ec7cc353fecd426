echo "Größe 日本"
echo stdin.readLine()
