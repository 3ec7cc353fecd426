#import <Foundation/Foundation.h>

@interface Helper : NSObject
+ (NSString *)greeting;
@end
