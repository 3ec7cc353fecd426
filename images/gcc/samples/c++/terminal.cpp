#include <iostream>
#include <string>

int main() {
    std::string name;
    std::cout << "name? ";
    std::cin >> name;
    std::cout << "Hello, " << name << "!\n";
}
