throw new Error "broken"
