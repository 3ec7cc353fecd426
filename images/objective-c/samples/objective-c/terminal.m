#import <Foundation/Foundation.h>

int main(void) {
    @autoreleasepool {
        char name[80];
        printf("name? ");
        if (scanf("%79s", name) == 1)
            printf("%s\n", [[NSString stringWithFormat:@"Hello, %s!", name] UTF8String]);
    }
}
