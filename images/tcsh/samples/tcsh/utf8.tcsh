echo 'Größe 日本'
set line = "$<"
echo "$line"
