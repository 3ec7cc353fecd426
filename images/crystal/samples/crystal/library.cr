require "json"

puts Array(Int32).from_json("[6, 7]").product
