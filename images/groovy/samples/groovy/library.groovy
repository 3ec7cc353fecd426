import groovy.json.JsonSlurper

println new JsonSlurper().parseText('{"answer": [6, 7]}').answer.inject { a, b -> a * b }
