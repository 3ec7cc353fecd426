println evaluate(new File("helper.groovy"))
