echo "Größe 日本"
read line
echo $line
