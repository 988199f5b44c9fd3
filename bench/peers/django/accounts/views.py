"""The endpoints that simplejwt does not bring."""
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from . import letters
from .serializers import SignupSerializer, UserSerializer, VerifyEmailSerializer


class Signup(generics.GenericAPIView):
    serializer_class = SignupSerializer
    permission_classes = [AllowAny]
    authentication_classes = []

    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        letters.send(serializer.save())
        return Response({"message": "User registered successfully"}, status=status.HTTP_201_CREATED)


class VerifyEmail(generics.GenericAPIView):
    serializer_class = VerifyEmailSerializer
    permission_classes = [AllowAny]
    authentication_classes = []

    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = serializer.validated_data["token"]
        user.email_verified = True
        user.save(update_fields=["email_verified"])
        return Response({"message": "Email verified successfully"})


class Me(generics.RetrieveAPIView):
    serializer_class = UserSerializer

    def get_object(self):
        return self.request.user
