echo "Größe 日本"
echo (read-line)
