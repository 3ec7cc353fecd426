(throw (ex-info "broken" {}))
