require "./helper"

puts greeting
