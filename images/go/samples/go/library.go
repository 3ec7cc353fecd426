package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"time"
)

func main() {
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		panic(err)
	}
	var numbers []int64
	json.Unmarshal([]byte("[6, 7]"), &numbers)
	fmt.Println(new(big.Int).Mul(big.NewInt(numbers[0]), big.NewInt(numbers[1])))
}
