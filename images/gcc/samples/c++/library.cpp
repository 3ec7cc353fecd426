#include <bits/stdc++.h>
#include <regex>

int main()
{
    std::smatch found;
    const std::string text = "the answer is 42";

    std::regex_search(text, found, std::regex("[0-9]+"));
    std::vector<int> numbers(std::stoi(found[0]));
    std::iota(numbers.begin(), numbers.end(), 1);
    std::cout << std::ranges::max(numbers) << std::endl;
}
