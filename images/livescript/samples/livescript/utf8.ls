console.log "Größe 日本"
process.stdout.write require(\fs).readFileSync 0
