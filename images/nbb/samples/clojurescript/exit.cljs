(js/process.exit 3)
