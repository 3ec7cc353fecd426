#include "helper.h"

const char *greeting(void) {
    return "Hello, module!";
}
