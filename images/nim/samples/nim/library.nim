import std/json

let numbers = parseJson("[6, 7]")
echo numbers[0].getInt * numbers[1].getInt
