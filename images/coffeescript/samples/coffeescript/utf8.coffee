console.log "Größe 日本"
console.log require("fs").readFileSync(0, "utf8").trimEnd()
