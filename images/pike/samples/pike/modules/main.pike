int main() {
    write("%s\n", .helper.greeting());
    return 0;
}
