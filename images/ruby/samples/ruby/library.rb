require 'bigdecimal'
require 'json'
require 'set'

raise unless BigDecimal('0.1') + BigDecimal('0.2') == BigDecimal('0.3')
puts JSON.parse('{"answer": [6, 7]}')['answer'].inject(:*)
