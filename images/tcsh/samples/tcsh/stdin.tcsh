set line = "$<"
echo "$line"
