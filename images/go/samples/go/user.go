package main

import (
	"fmt"
	"os/user"
)

func main() {
	current, err := user.Current()
	if err != nil {
		panic(err)
	}
	named, err := user.Lookup("user")
	if err != nil || named.Uid != current.Uid {
		panic(err)
	}
	fmt.Println(current.Username, current.HomeDir)
}
