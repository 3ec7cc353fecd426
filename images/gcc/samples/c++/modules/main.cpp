#include <iostream>

#include "helper.h"

int main() {
    std::cout << greeting() << '\n';
}
