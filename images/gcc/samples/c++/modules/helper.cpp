#include "helper.h"

std::string greeting() {
    return "Hello, module!";
}
