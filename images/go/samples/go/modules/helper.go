package main

func greeting() string {
	return "Hello, module!"
}
