import helper

echo greeting()
