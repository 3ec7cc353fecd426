echo "Größe 日本"
read -r line
echo "$line"
