#include <assert.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

static void *answer(void *number)
{
    *(double *)number = round(cbrt(74088));
    return NULL;
}

int main(void)
{
    double number = 0;
    pthread_t thread;

    assert(setlocale(LC_ALL, "en_US.UTF-8"));
    pthread_create(&thread, NULL, answer, &number);
    pthread_join(thread, NULL);
    printf("%.0f\n", number);
    return 0;
}
