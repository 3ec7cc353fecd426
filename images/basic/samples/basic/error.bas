error "broken"
